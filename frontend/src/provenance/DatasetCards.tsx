import type { ReactNode } from "react";
import { formatBytes, formatNumber, formatPercent, plural } from "@/ui/format";
import styles from "./Provenance.module.css";
import type { UsedDataset } from "./queries";

const ROLES = { training: "training", evaluation: "evaluation", pretraining: "pretraining" };

/** A card for each dataset. */
export function DatasetCards({ datasets }: { datasets: readonly UsedDataset[] }) {
  return (
    <section className={styles.section} aria-label="Datasets">
      <h3>Datasets</h3>
      <ul className={styles.cards}>
        {datasets.map((used) => (
          <DatasetCard key={`${used.card.id} ${used.card.role}`} {...used} />
        ))}
      </ul>
    </section>
  );
}

function DatasetCard({ card, stages }: UsedDataset) {
  const options = Object.entries(card.options ?? {});
  return (
    <li className={styles.card}>
      <h4>
        {card.name} <span className="muted">{ROLES[card.role]}</span>
      </h4>
      <dl className={styles.facts}>
        <Fact label="Source">
          {card.origin}
          {card.version && ` ${card.version}`}
        </Fact>
        <Fact label="Licence">
          {card.licence ?? "not stated"}
          {card.licence && <span className="muted"> by its {card.licence_from}</span>}
        </Fact>
        <Fact label="Rows">
          {card.rows == null ? "made as they are needed" : formatNumber(card.rows, 0)}
        </Fact>
        {card.seed != null && <Fact label="Seed">{card.seed}</Fact>}
        {options.length > 0 && (
          <Fact label="Options">
            {options.map(([name, value]) => `${name} ${words(value)}`).join(", ")}
          </Fact>
        )}
        {card.sha256 && (
          <Fact label="SHA-256">
            <code>{card.sha256}</code>
          </Fact>
        )}
        {(card.files ?? []).length > 0 && <Fact label="Files">{fileWords(card)}</Fact>}
        {card.scan && <Fact label="Looks machine-written">{scanWords(card.scan)}</Fact>}
        <Fact label="Used by">{stages.join(", ")}</Fact>
        <Fact label="Card">
          <code>{card.id}</code>
        </Fact>
      </dl>
    </li>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function words(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function fileWords({ files = [], file_count = 0 }: UsedDataset["card"]): string {
  const bytes = formatBytes(files.reduce((sum, file) => sum + file.bytes, 0));
  const first = files[0]?.path.split("/").at(-1) ?? "";
  return file_count > 1 ? `${plural(file_count, "file")}, first ${first}` : `${first}, ${bytes}`;
}

function scanWords(scan: NonNullable<UsedDataset["card"]["scan"]>): string {
  if (scan.share == null) return "not known: no text of a kind that the rules were measured on";
  return (
    `${formatPercent(scan.share)} (${formatPercent(scan.low)} to ${formatPercent(scan.high)}) ` +
    `of ${formatNumber(scan.judged, 0)} texts`
  );
}
