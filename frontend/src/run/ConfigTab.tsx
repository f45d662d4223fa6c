import { Copy } from "lucide-react";
import { useMemo } from "react";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { useToast } from "@/ui/toast";
import styles from "./ConfigTab.module.css";
import { type ConfigField, configSections, shown, withoutNulls } from "./configFields";
import type { TabProps } from "./RunPage";

/** The config as resolved and frozen; what differs from the preset is marked. */
export function ConfigTab({ run }: TabProps) {
  const sections = useMemo(() => configSections(run.config, run.preset_config), [run]);
  const changes = sections.flatMap((section) => section.fields.filter((field) => field.changed));
  const copy = useCopy();
  return (
    <div className={styles.tab}>
      <div className={styles.bar}>
        <p>
          {run.preset
            ? `${changes.length === 0 ? "As" : `${changes.length} changed from`} the preset ${run.preset}.`
            : "Without a preset."}{" "}
          <span className="muted">
            SHA-256 <code title={run.digest}>{run.digest.slice(0, 12)}</code>
          </span>
        </p>
        <span className={styles.copies}>
          <Button small icon={<Copy size={14} />} onClick={() => copy("TOML", run.config)}>
            Copy TOML
          </Button>
          <Button small icon={<Copy size={14} />} onClick={() => copy("JSON", run.config)}>
            Copy JSON
          </Button>
        </span>
      </div>
      <div className={styles.sections}>
        {sections.map((section) => (
          <section key={section.name} className="panel">
            <h3 className={styles.title}>{section.name || "run"}</h3>
            <dl>
              {section.fields.map((field) => (
                <Line key={field.path} field={field} />
              ))}
            </dl>
          </section>
        ))}
      </div>
    </div>
  );
}

function Line({ field }: { field: ConfigField }) {
  return (
    <div className={classes(styles.line, field.changed && styles.changed)}>
      <dt title={field.path}>{field.name}</dt>
      <dd>
        <code>{shown(field.value)}</code>
        {field.changed && <span className={styles.before}>preset: {shown(field.preset)}</span>}
      </dd>
    </div>
  );
}

function useCopy() {
  const toast = useToast();
  return async (format: "TOML" | "JSON", config: Record<string, unknown>) => {
    await navigator.clipboard.writeText(await written(format, config));
    toast({ text: `Config copied as ${format}` });
  };
}

async function written(format: "TOML" | "JSON", config: Record<string, unknown>): Promise<string> {
  if (format === "JSON") return JSON.stringify(config, null, 2);
  const { stringify } = await import("smol-toml");
  return stringify(withoutNulls(config));
}
