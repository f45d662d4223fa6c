import { Download } from "lucide-react";
import { asTsv } from "@/charts/ChartTable";
import type { ChartSpec } from "@/charts/catalogue";
import { savePng, saveSvg, saveText } from "@/charts/exports";
import { isShown } from "@/charts/plotData";
import { type Picture, sceneOf } from "@/charts/scene";
import { IconButton } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import type { LookedEntry } from "./entries";

/** Names that there is room for in a picture. */
const MOST_NAMED = 6;

interface CompareChartMenuProps {
  spec: ChartSpec;
  entries: readonly LookedEntry[];
  picture: Omit<Picture, "spec">;
}

/** What a chart of several runs can be taken away as. */
export function CompareChartMenu({ spec, entries, picture }: CompareChartMenuProps) {
  const name = `compare-${spec.id.replaceAll("/", "-")}`;
  const lines = entries
    .slice(0, MOST_NAMED)
    .map(({ label, colour }) => ({ series: label, label, colour }));
  const scene = () => sceneOf({ ...picture, spec: { ...spec, lines } });
  const columns = picture.data.lines.flatMap((line, index) => (isShown(line) ? [index] : []));
  const text = () => asTsv(picture.data, picture.clock.axis, columns);
  return (
    <Menu
      label={`${spec.title}: files`}
      items={[
        { label: "PNG picture", onSelect: () => void savePng(name, scene()) },
        { label: "SVG picture", onSelect: () => saveSvg(name, scene()) },
        { label: "TSV, what is drawn", onSelect: () => saveText(`${name}.tsv`, text()) },
      ]}
      trigger={(props) => (
        <IconButton small label="Download" {...props}>
          <Download size={14} />
        </IconButton>
      )}
    />
  );
}
