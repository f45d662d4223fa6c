import { usePageTitle } from "@/app/title";

export default function RunPage({ runId }: { runId: number }) {
  usePageTitle(`#${runId}`, "Runs", "/");
  return null;
}
