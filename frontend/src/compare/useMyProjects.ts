import { useState } from "react";
import { useMe } from "@/api/queries";

/** The projects one is in, and the one that is chosen: at first `preferred`, if it is among them. */
export function useMyProjects(preferred = "", toChange = false) {
  const me = useMe();
  const [chosen, setChosen] = useState("");
  const mine = me.data?.projects ?? [];
  const projects = mine.filter(({ role }) => !toChange || role !== "viewer");
  const slugs = projects.map(({ slug }) => slug);
  const slug = [chosen, preferred].find((each) => slugs.includes(each)) ?? slugs[0] ?? "";
  const options = projects.map((project) => ({ value: project.slug, label: project.name }));
  const role = projects.find((project) => project.slug === slug)?.role;
  return { slug, setSlug: setChosen, options, mayChange: role !== undefined && role !== "viewer" };
}
