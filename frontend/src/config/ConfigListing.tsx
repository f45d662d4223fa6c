import { classes } from "@/ui/classes";
import styles from "./ConfigListing.module.css";
import { isTable, type Table, type Value } from "./nested";

interface ConfigListingProps {
  config: Table;
  /** Dotted paths that differ from the preset. */
  changed: ReadonlySet<string>;
}

/** A config as TOML would say it, one setting a line, those that were changed marked. */
export function ConfigListing({ config, changed }: ConfigListingProps) {
  const tables = Object.entries(config).flatMap(([name, value]) => tablesIn(name, value));
  const top = Object.entries(config).filter(([, value]) => !isTable(value));
  return (
    <div className={styles.listing}>
      <Lines entries={top} prefix="" changed={changed} />
      {tables.map(([name, table]) => (
        <section key={name}>
          <h4 className={styles.name}>[{name}]</h4>
          <Lines entries={Object.entries(table)} prefix={`${name}.`} changed={changed} />
        </section>
      ))}
    </div>
  );
}

/** A table as it is; one that holds nothing but tables, such as stages, as one for each of these. */
function tablesIn(name: string, value: Value): [string, Table][] {
  if (!isTable(value)) return [];
  const inner = Object.entries(value);
  if (!inner.every(([, each]) => isTable(each))) return [[name, value]];
  return inner.map(([key, each]) => [`${name}.${key}`, each as Table]);
}

interface LinesProps {
  entries: [string, Value][];
  prefix: string;
  changed: ReadonlySet<string>;
}

function Lines({ entries, prefix, changed }: LinesProps) {
  return entries.map(([key, value]) => {
    const isChanged = isIn(changed, `${prefix}${key}`);
    return (
      <div key={key} className={classes(styles.line, isChanged && styles.changed)}>
        {key} = <span className={styles.value}>{written(value)}</span>
        {isChanged && <span className="visually-hidden"> (differs from the preset)</span>}
      </div>
    );
  });
}

/** A table inside a table is changed when anything in it is. */
function isIn(changed: ReadonlySet<string>, path: string): boolean {
  return [...changed].some((each) => each === path || each.startsWith(`${path}.`));
}

function written(value: Value): string {
  if (!isTable(value)) return JSON.stringify(value);
  const inner = Object.entries(value).map(([key, item]) => `${key} = ${written(item)}`);
  return inner.length > 0 ? `{ ${inner.join(", ")} }` : "{}";
}
