import type { Results } from "@/api/queries";

/** Of each column the row with the greatest score; none where fewer than two have one. */
export function bestOf({ columns, rows }: Results): (number | null)[] {
  return columns.map((_, column) => {
    const values = rows.map(({ scores }) => scores[column]?.value ?? Number.NEGATIVE_INFINITY);
    const told = values.filter(Number.isFinite);
    return told.length < 2 ? null : values.indexOf(Math.max(...told));
  });
}
