import { laidOver, type Table } from "@/config/nested";
import { pipelineIn, stageNames } from "@/config/stages";
import styles from "./ConfigForm.module.css";
import { type Draft, withField } from "./draft";

interface PipelineFieldProps {
  base: Table;
  draft: Draft;
  onChange: (draft: Draft) => void;
}

/** The stages in their order, each of which may be left out. A run without stages shows nothing. */
export function PipelineField({ base, draft, onChange }: PipelineFieldProps) {
  const values = laidOver(base, draft.overrides);
  const names = stageNames(base, values);
  const taken = pipelineIn(values);
  if (names.length === 0) return null;
  const toggle = (name: string) => {
    const next = names.filter((each) => (each === name) !== taken.includes(each));
    onChange(withField(draft, base, "pipeline", next));
  };
  return (
    <section className={styles.group}>
      <header>
        <h2>Pipeline</h2>
        <p className="muted">
          One stage after the other. What a stage does not set itself is as in the run's own
          settings, below them.
        </p>
      </header>
      <ol className={styles.stages}>
        {names.map((name) => (
          <li key={name}>
            <label>
              <input type="checkbox" checked={taken.includes(name)} onChange={() => toggle(name)} />
              {name}
            </label>
          </li>
        ))}
      </ol>
    </section>
  );
}
