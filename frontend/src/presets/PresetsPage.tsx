import { usePageTitle } from "@/app/title";

export default function PresetsPage() {
  usePageTitle("presets");
  return null;
}
