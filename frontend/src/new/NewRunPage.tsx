import { usePageTitle } from "@/app/title";

export default function NewRunPage() {
  usePageTitle("new");
  return null;
}
