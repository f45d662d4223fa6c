/** A chart's numbers and picture as files. */

import { type ChartSpec, seriesOfChart } from "./catalogue";
import { paint, svgOf } from "./render";
import type { Scene } from "./scene";

/** Device pixels for each of a picture's own. */
const PNG_SCALE = 2;

/** Every point that the server has of a chart's series. */
export function exportPath(runId: number, spec: ChartSpec, format: "csv" | "parquet"): string {
  const query = new URLSearchParams({ format, names: seriesOfChart(spec).join(",") });
  return `/api/v1/runs/${runId}/metrics/export?${query}`;
}

export function saveSvg(name: string, scene: Scene): void {
  save(`${name}.svg`, new Blob([svgOf(scene)], { type: "image/svg+xml" }));
}

export function saveText(name: string, text: string): void {
  save(name, new Blob([text], { type: "text/plain" }));
}

export async function savePng(name: string, scene: Scene): Promise<void> {
  const canvas = document.createElement("canvas");
  canvas.width = scene.width * PNG_SCALE;
  canvas.height = scene.height * PNG_SCALE;
  const ctx = canvas.getContext("2d");
  if (!ctx) throw new Error("The browser gives no canvas to draw on.");
  paint(ctx, scene, PNG_SCALE);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob) save(`${name}.png`, blob);
}

function save(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  openLink(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may still be reading it
}

/** Follows a link to a file without leaving the page. */
export function openLink(address: string, name = ""): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
