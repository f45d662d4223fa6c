import { useState } from "react";
import { Link } from "wouter";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import styles from "./Provenance.module.css";
import type { Ancestor, CheckpointLine, UsedDataset } from "./queries";

interface LineProps {
  checkpoints: readonly CheckpointLine[];
  datasets: readonly UsedDataset[];
}

/** A checkpoint's parents from the newest to the first, with what changed between neighbours. */
export function LineOfParents({ checkpoints, datasets }: LineProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = checkpoints.find(({ id }) => String(id) === chosen) ?? checkpoints[0];
  if (!shown) return null;
  const names = new Map(datasets.map(({ card }) => [card.id, card.name]));
  return (
    <section className={styles.section} aria-label="Line of parents">
      <header className={styles.head}>
        <h3>Line of parents</h3>
        <Select
          aria-label="Checkpoint"
          value={String(shown.id)}
          options={checkpoints.map(({ id, step, stage }) => ({
            value: String(id),
            label: `Step ${formatNumber(step, 0)}${stage ? `, ${stage}` : ""}`,
          }))}
          onChange={setChosen}
        />
      </header>
      <ol className={styles.line}>
        {shown.line.map((each, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line only grows at its end
          <li key={place} className={each.notes.length > 0 ? styles.marked : undefined}>
            {each.kind === "work" ? <Work work={each} names={names} /> : <Beginning at={each} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Work({ work, names }: { work: Ancestor; names: ReadonlyMap<string, string> }) {
  const { changed } = work;
  const versions = Object.entries(work.versions);
  return (
    <>
      <h4>
        {work.stage}, steps {formatNumber(work.first_step, 0)} to {formatNumber(work.last_step, 0)}{" "}
        {work.run && (
          <Link href={`/runs/${work.run.id}`} className="muted">
            {work.run.name} · #{work.run.id}
          </Link>
        )}
      </h4>
      {work.notes.map((note) => (
        <p key={note} className={styles.note}>
          {note}
        </p>
      ))}
      <dl className={styles.facts}>
        <Fact label="Devices" changed={changed.includes("devices")}>
          {work.devices.map((each) => `${each.count} × ${each.device} on ${each.node}`).join(", ")}
        </Fact>
        <Fact label="Code" changed={changed.includes("code")}>
          {work.code_version}
          {work.commit && <code> {work.commit.slice(0, 12)}</code>}
        </Fact>
        <Fact label="Config" changed={changed.includes("config")}>
          <code>{work.digest.slice(0, 12)}</code>
        </Fact>
        <Fact label="Versions" changed={versions.some(([name]) => changed.includes(name))}>
          {versions.map(([name, number]) => `${name} ${number}`).join(", ")}
        </Fact>
        <Fact label="Data">{work.datasets.map((id) => names.get(id) ?? id).join(", ")}</Fact>
      </dl>
    </>
  );
}

function Beginning({ at }: { at: Ancestor }) {
  return (
    <>
      <h4>{at.said}</h4>
      <p className={styles.where}>
        {at.path}
        {at.sha256 && <code> {at.sha256}</code>}
      </p>
    </>
  );
}

interface FactProps {
  label: string;
  changed?: boolean;
  children: React.ReactNode;
}

function Fact({ label, changed, children }: FactProps) {
  return (
    <div className={changed ? styles.changed : undefined}>
      <dt>{label}</dt>
      <dd>
        {children}
        {changed && <strong> changed</strong>}
      </dd>
    </div>
  );
}
