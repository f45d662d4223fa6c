import { usePageTitle } from "@/app/title";

export function RunsPage() {
  usePageTitle("Runs");
  return null;
}
