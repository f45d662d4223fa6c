import { useEffect, useState } from "react";
import { laidOver, type Table } from "@/config/nested";
import { parseConfig, toToml } from "@/config/text";
import { Field } from "@/ui/Field";
import { useDebounced } from "@/ui/useDebounced";
import styles from "./ConfigPaste.module.css";
import { type Draft, withConfig } from "./draft";

interface ConfigPasteProps {
  base: Table;
  draft: Draft;
  onChange: (draft: Draft) => void;
}

/** The settings as text: TOML or JSON, whole or only what differs from the preset. */
export function ConfigPaste({ base, draft, onChange }: ConfigPasteProps) {
  const [text, setText] = useState<string | null>(null);
  const [refused, setRefused] = useState("");
  const settled = useDebounced(text, 150);

  useEffect(() => {
    if (text !== null) return;
    // Somebody may paste before the writer has loaded: what they pasted stays.
    void toToml(draft.overrides).then((toml) => setText((typed) => typed ?? toml));
  }, [text, draft.overrides]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only new text changes the draft
  useEffect(() => {
    if (settled === null) return;
    parseConfig(settled).then(
      (config) => {
        setRefused("");
        onChange(withConfig(draft, base, config));
      },
      (error: Error) => setRefused(error.message),
    );
  }, [settled]);

  return (
    <div className={styles.paste}>
      <Field
        label="Settings, as TOML or JSON"
        problem={refused}
        help={
          <>
            What is left out keeps the preset's value.{" "}
            <button
              type="button"
              className={styles.whole}
              onClick={() => void toToml(laidOver(base, draft.overrides)).then(setText)}
            >
              Write out all settings
            </button>
          </>
        }
      >
        {(control) => (
          <textarea
            {...control}
            className={styles.text}
            rows={24}
            spellCheck={false}
            placeholder={"[grpo]\nsteps = 100\ngroup_size = 8"}
            value={text ?? ""}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
    </div>
  );
}
