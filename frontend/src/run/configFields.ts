/** The resolved config as lines, with what differs from its preset. */

export interface ConfigField {
  /** Dotted path. */
  path: string;
  /** Its last part. */
  name: string;
  value: unknown;
  changed: boolean;
  /** The preset's value, where it differs. */
  preset: unknown;
}

export interface ConfigSection {
  /** "" for fields that stand at the top. */
  name: string;
  fields: ConfigField[];
}

type Tree = Record<string, unknown>;

export function configSections(config: Tree, preset: Tree | null): ConfigSection[] {
  const before = preset ? flat(preset) : null;
  const sections = new Map<string, ConfigField[]>();
  for (const [path, value] of flat(config)) {
    const [first = "", ...rest] = path.split(".");
    const section = rest.length > 0 ? first : "";
    const changed = before !== null && !same(before.get(path), value);
    const name = rest.length > 0 ? rest.join(".") : first;
    const field = { path, name, value, changed, preset: before?.get(path) };
    sections.set(section, [...(sections.get(section) ?? []), field]);
  }
  return [...sections].map(([name, fields]) => ({ name, fields }));
}

/** What another config has in the place of this one's: "grpo.steps 3 → 4". */
export function differences(before: Tree, after: Tree): string[] {
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => !same(old.get(path), now.get(path)))
    .map((path) => `${path} ${shown(old.get(path))} → ${shown(now.get(path))}`);
}

/** {"grpo": {"steps": 3}} → "grpo.steps": 3; tables in a list are numbered; an empty one stays. */
function flat(tree: object, prefix = ""): Map<string, unknown> {
  const paths = new Map<string, unknown>();
  for (const [key, value] of Object.entries(tree)) {
    const path = `${prefix}${key}`;
    const below =
      isTable(value) || isListOfTables(value)
        ? flat(value, `${path}.`)
        : new Map<string, unknown>();
    if (below.size === 0) paths.set(path, value);
    for (const [inner, leaf] of below) paths.set(inner, leaf);
  }
  return paths;
}

function isTable(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfTables(value: unknown): value is Tree[] {
  return Array.isArray(value) && value.every(isTable);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A value as TOML and JSON both write it. */
export function shown(value: unknown): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}

/** TOML knows no null: a field that is null is left out, which means the same. */
export function withoutNulls(tree: Tree): Tree {
  const kept = Object.entries(tree).filter(([, value]) => value !== null);
  return Object.fromEntries(
    kept.map(([key, value]) => {
      if (isListOfTables(value)) return [key, value.map(withoutNulls)];
      return [key, isTable(value) ? withoutNulls(value) : value];
    }),
  );
}
