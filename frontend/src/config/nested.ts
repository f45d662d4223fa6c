/** Nested settings, addressed by dotted paths ("grpo.group_size"). Nothing here changes its input. */

export type Value = number | string | boolean | null | Value[] | { [key: string]: Value };
export type Table = { [key: string]: Value };

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function getAt(table: Table, path: string): Value | undefined {
  let here: Value | undefined = table;
  for (const key of path.split(".")) here = isTable(here) ? here[key] : undefined;
  return here;
}

export function setAt(table: Table, path: string, value: Value): Table {
  const [key = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...table, [key]: value };
  const below = table[key];
  return { ...table, [key]: setAt(isTable(below) ? below : {}, rest.join("."), value) };
}

/** Without what is at `path`, and without tables that this leaves empty. */
export function withoutAt(table: Table, path: string): Table {
  const [key = "", ...rest] = path.split(".");
  const { [key]: below, ...others } = table;
  if (rest.length === 0 || !isTable(below)) return others;
  const left = withoutAt(below, rest.join("."));
  return Object.keys(left).length > 0 ? { ...others, [key]: left } : others;
}

export function isEqual(a: Value | undefined, b: Value | undefined): boolean {
  if (isTable(a) && isTable(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => isEqual(a[key], b[key]));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, index) => isEqual(value, b[index]));
  }
  return a === b;
}

/** The server replaces these tables as one value, so here they are one value, too. */
const WHOLE = new Set(["options"]);

/** Whether a table is laid over another; one of another type takes its place. */
function isLaidOver(key: string, over: Value, base: Value | undefined): boolean {
  if (WHOLE.has(key) || !isTable(over) || !isTable(base)) return false;
  return over.type === undefined || base.type === undefined || over.type === base.type;
}

/** `base` with `over` laid on it, as the server does. */
export function laidOver(base: Table, over: Table): Table {
  const merged: Table = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isLaidOver(key, value, below) ? laidOver(below as Table, value as Table) : value;
  }
  return merged;
}

/** What must be laid over `base` to get `table`; keys that `base` has and `table` lacks stay. */
export function differences(table: Table, base: Table): Table {
  const found: Table = {};
  for (const [key, value] of Object.entries(table)) {
    const below = base[key];
    if (isLaidOver(key, value, below)) {
      const inner = differences(value as Table, below as Table);
      if (Object.keys(inner).length > 0) found[key] = inner;
    } else if (!isEqual(value, below)) {
      found[key] = value;
    }
  }
  return found;
}

/** Dotted paths of all values: {"grpo": {"steps": 3}} → ["grpo.steps"]. */
export function flatPaths(table: Table, prefix = ""): string[] {
  return Object.entries(table).flatMap(([key, value]) =>
    isTable(value) && !WHOLE.has(key) ? flatPaths(value, `${prefix}${key}.`) : `${prefix}${key}`,
  );
}
