import { isTable, type Table } from "./nested";

/** Reads a config that was pasted: JSON when it begins with a brace, else TOML. */
export async function parseConfig(text: string): Promise<Table> {
  if (text.trim() === "") return {};
  if (!text.trimStart().startsWith("{")) {
    const { parse } = await import("smol-toml");
    return parse(text) as Table;
  }
  const parsed: unknown = JSON.parse(text);
  if (!isTable(parsed)) throw new SyntaxError("This JSON is not an object.");
  return parsed;
}

/** Nothing at all for a config without settings. */
export async function toToml(config: Table): Promise<string> {
  const { stringify } = await import("smol-toml");
  return stringify(config).trimStart();
}
