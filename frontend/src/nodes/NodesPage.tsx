import { usePageTitle } from "@/app/title";

export default function NodesPage() {
  usePageTitle("nodes");
  return null;
}
