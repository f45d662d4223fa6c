/** A run that is being put together: what is laid over which preset, and where it starts. */

import {
  differences,
  getAt,
  isEqual,
  isTable,
  setAt,
  type Table,
  type Value,
  withoutAt,
} from "@/config/nested";

export interface Draft {
  /** "" for the schema's defaults. */
  preset: string;
  name: string;
  /** As typed, separated by commas. */
  tags: string;
  preemptible: boolean;
  /** What differs from the preset, nested. May hold what no field knows: the server says so. */
  overrides: Table;
  start: { run: number; checkpoint: number } | null;
}

export const EMPTY: Draft = {
  preset: "",
  name: "",
  tags: "",
  preemptible: false,
  overrides: {},
  start: null,
};

const TASK = "task.name";
const OPTIONS = "task.options";

/** With one setting changed; back at the preset's value it is no override any more. */
export function withField(draft: Draft, base: Table, path: string, value: Value): Draft {
  if (isPresetAgain(draft, base, path, value)) return withoutField(draft, path);
  const changed = put(draft.overrides, base, path, value);
  if (path !== TASK) return { ...draft, overrides: changed };
  // The options of one task mean nothing to another.
  const options = isEqual(value, getAt(base, TASK)) ? getAt(base, OPTIONS) : {};
  return { ...draft, overrides: put(changed, base, OPTIONS, options ?? {}) };
}

/** A table that was left out, or of another type, comes back as the preset has it. */
function isPresetAgain(draft: Draft, base: Table, path: string, value: Value): boolean {
  const [was, preset] = [getAt(draft.overrides, path), getAt(base, path)];
  if (was === undefined || !isTable(value) || !isTable(preset)) return false;
  return was === null || (value.type !== undefined && value.type === preset.type);
}

export function withoutField(draft: Draft, path: string): Draft {
  return { ...draft, overrides: withoutAt(draft.overrides, path) };
}

/** With all that a pasted config says, and nothing else. */
export function withConfig(draft: Draft, base: Table, config: Table): Draft {
  return { ...draft, overrides: differences(config, base) };
}

export function tagsOf(draft: Draft): string[] {
  return draft.tags
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
}

function put(overrides: Table, base: Table, path: string, value: Value): Table {
  return isEqual(value, getAt(base, path))
    ? withoutAt(overrides, path)
    : setAt(overrides, path, value);
}
