import { Download } from "lucide-react";
import { IconButton } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import { exportPath, openLink, savePng, saveSvg } from "./exports";
import { type Picture, sceneOf } from "./scene";

interface ChartMenuProps {
  runId: number;
  picture: Picture;
}

/** What a chart can be taken away as: a picture of what is shown, or every point of its series. */
export function ChartMenu({ runId, picture }: ChartMenuProps) {
  const { spec } = picture;
  const name = `run-${runId}-${spec.id.replaceAll("/", "-")}`;
  return (
    <Menu
      label={`${spec.title}: files`}
      items={[
        { label: "PNG picture", onSelect: () => void savePng(name, sceneOf(picture)) },
        { label: "SVG picture", onSelect: () => saveSvg(name, sceneOf(picture)) },
        { label: "CSV, every point", onSelect: () => openLink(exportPath(runId, spec, "csv")) },
        {
          label: "Parquet, every point",
          onSelect: () => openLink(exportPath(runId, spec, "parquet")),
        },
      ]}
      trigger={(props) => (
        <IconButton small label="Download" {...props}>
          <Download size={14} />
        </IconButton>
      )}
    />
  );
}
