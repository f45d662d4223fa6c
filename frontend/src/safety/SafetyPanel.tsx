import { useState } from "react";
import { asProblem } from "@/api/problem";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import { type Safety, type SafetyCategory, useSafety } from "./queries";
import styles from "./SafetyPanel.module.css";
import { ShareCell } from "./ShareCell";
import { SubcategoryTexts } from "./SubcategoryTexts";
import { judgedOf, judgeWords, measuredWords, nameWords } from "./words";

/** How safe a model was, by category, with and without risk control: the last one measured, or another. */
export function SafetyPanel({ runId, version }: { runId: number; version: number }) {
  const [step, setStep] = useState<number>();
  const { data, error } = useSafety(runId, step, version);
  return (
    <section className={`panel ${styles.panel}`} aria-label="Safety">
      <h3>Safety</h3>
      {data && data.measured.length > 1 && (
        <Select
          aria-label="Measured"
          value={String(step ?? data.step)}
          options={data.measured.map((one) => ({
            value: String(one.step),
            label: measuredWords(one),
          }))}
          onChange={(value) => setStep(Number(value))}
        />
      )}
      {error && <p className="muted">{asProblem(error).message}</p>}
      {!data && !error && <SkeletonLines lines={6} />}
      {data && <Results runId={runId} safety={data} />}
    </section>
  );
}

function Results({ runId, safety }: { runId: number; safety: Safety }) {
  const missing = missingWords(safety);
  return (
    <>
      <p className={styles.about}>
        At step {formatNumber(safety.step, 0)}, {safety.model && `model ${safety.model}, `}
        {safety.set.name} prompts, {judgeWords(safety.judge)}.{missing && ` ${missing}`}
      </p>
      <Table>
        <thead className={styles.head}>
          <tr>
            <th rowSpan={2}>Category</th>
            <th colSpan={2} scope="colgroup">
              Safe answers to harmful prompts
            </th>
            <th colSpan={2} scope="colgroup">
              Harmless prompts refused
            </th>
          </tr>
          <tr>
            <th>Bare</th>
            <th>With control</th>
            <th>Bare</th>
            <th>With control</th>
          </tr>
        </thead>
        <tbody>
          <Row name="all" figures={safety} />
          {safety.categories.map((category) => (
            <Row key={category.name} name={category.name} figures={category} />
          ))}
        </tbody>
      </Table>
      {safety.categories.map((category) => (
        <CategoryTexts
          key={`${safety.step} ${category.name}`}
          runId={runId}
          step={safety.step}
          category={category}
        />
      ))}
    </>
  );
}

function Row({
  name,
  figures,
}: {
  name: string;
  figures: Pick<Safety, "safety" | "over_refusal">;
}) {
  return (
    <tr className={styles.row}>
      <th scope="row">{nameWords(name)}</th>
      <ShareCell share={figures.safety.bare} of="safety" />
      <ShareCell share={figures.safety.controlled} of="safety" />
      <ShareCell share={figures.over_refusal.bare} of="over_refusal" />
      <ShareCell share={figures.over_refusal.controlled} of="over_refusal" />
    </tr>
  );
}

interface CategoryProps {
  runId: number;
  step: number;
  category: SafetyCategory;
}

function CategoryTexts({ runId, step, category }: CategoryProps) {
  return (
    <details className={styles.texts}>
      <summary>Prompts and answers: {nameWords(category.name)}</summary>
      {category.subcategories.map((one) => (
        <SubcategoryTexts
          key={one.name}
          runId={runId}
          step={step}
          category={category.name}
          figures={one}
        />
      ))}
    </details>
  );
}

/** "3 bare and 5 controlled answers were not judged." */
function missingWords({ safety, over_refusal }: Safety): string {
  const [bare, controlled] = (["bare", "controlled"] as const).map(
    (side) => (safety[side].counts.not_judged ?? 0) + (over_refusal[side].counts.not_judged ?? 0),
  );
  if (!bare && !controlled) return "";
  const all = judgedOf(safety.bare) + judgedOf(over_refusal.bare) + (bare ?? 0);
  return `Not judged, and in no share: ${bare} of ${all} bare answers, ${controlled} with control.`;
}
