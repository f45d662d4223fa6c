/** A scene as the text of an SVG file, or on a canvas. */

import type { Scene, Shape } from "./scene";

const FONT = "Inter, system-ui, sans-serif";
const SIZE_PX = 12;
const TITLE_PX = 15;
const ANCHORS = { left: "start", center: "middle", right: "end" } as const;

export function svgOf({ width, height, background, shapes }: Scene): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"`,
    ` viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="${SIZE_PX}">`,
    `<rect width="${width}" height="${height}" fill="${background}"/>`,
    ...shapes.map(element),
    "</svg>",
  ].join("");
}

function element(shape: Shape): string {
  switch (shape.shape) {
    case "path": {
      const dash = shape.dash ? ` stroke-dasharray="${shape.dash.join(" ")}"` : "";
      const d = shape.points.map((piece) => `M${coordinates(piece)}`).join("");
      const look = `stroke="${shape.stroke}" stroke-width="${shape.width}" opacity="${shape.opacity}"`;
      return `<path d="${d}" fill="none" stroke-linejoin="round" ${look}${dash}/>`;
    }
    case "area":
      return `<path d="M${coordinates(shape.points)}Z" fill="${shape.fill}" opacity="${shape.opacity}"/>`;
    case "text": {
      const place = `x="${short(shape.x)}" y="${short(shape.y)}" text-anchor="${ANCHORS[shape.align]}"`;
      const weight = shape.bold ? ` font-size="${TITLE_PX}" font-weight="600"` : "";
      const words = escaped(shape.text);
      return `<text ${place} dominant-baseline="central" fill="${shape.fill}"${weight}>${words}</text>`;
    }
  }
}

function coordinates(points: readonly [number, number][]): string {
  return points.map(([x, y]) => `${short(x)} ${short(y)}`).join("L");
}

/** A hundredth of a pixel is enough. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Draws a scene at `scale` device pixels for each of its own. */
export function paint(ctx: CanvasRenderingContext2D, scene: Scene, scale: number): void {
  ctx.scale(scale, scale);
  ctx.fillStyle = scene.background;
  ctx.fillRect(0, 0, scene.width, scene.height);
  for (const shape of scene.shapes) paintShape(ctx, shape);
}

function paintShape(ctx: CanvasRenderingContext2D, shape: Shape): void {
  ctx.save();
  if (shape.shape === "text") {
    ctx.fillStyle = shape.fill;
    ctx.font = shape.bold ? `600 ${TITLE_PX}px ${FONT}` : `${SIZE_PX}px ${FONT}`;
    ctx.textAlign = shape.align;
    ctx.textBaseline = "middle";
    ctx.fillText(shape.text, shape.x, shape.y);
  } else {
    ctx.globalAlpha = shape.opacity;
    ctx.beginPath();
    for (const piece of shape.shape === "area" ? [shape.points] : shape.points) trace(ctx, piece);
    if (shape.shape === "area") {
      ctx.fillStyle = shape.fill;
      ctx.fill();
    } else {
      ctx.strokeStyle = shape.stroke;
      ctx.lineWidth = shape.width;
      ctx.lineJoin = "round";
      ctx.setLineDash(shape.dash ?? []);
      ctx.stroke();
    }
  }
  ctx.restore();
}

function trace(ctx: CanvasRenderingContext2D, points: readonly [number, number][]): void {
  points.forEach(([x, y], index) => {
    if (index === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  });
}
