import { useState } from "react";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { type SafetyItem, type SafetySubcategory, type Texts, useSafetyItems } from "./queries";
import styles from "./SafetyPanel.module.css";
import { countWords, nameWords, verdictWords } from "./words";

interface SubcategoryProps {
  runId: number;
  step: number;
  category: string;
  figures: SafetySubcategory;
}

/** A sub-category's figures; its texts are asked for when it is unfolded. */
export function SubcategoryTexts({ figures, ...of }: SubcategoryProps) {
  const [open, setOpen] = useState(false);
  const { safety } = figures;
  return (
    <details className={styles.texts} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <span className={styles.name}>{nameWords(figures.name)}</span>{" "}
        <span className="muted">
          safe: bare {countWords(safety.bare, "safety")}; with control{" "}
          {countWords(safety.controlled, "safety")}
        </span>
      </summary>
      {open && <Items {...of} subcategory={figures.name} />}
    </details>
  );
}

function Items(texts: Texts) {
  const query = useSafetyItems(texts);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  return (
    <div className={styles.items}>
      {query.data.pages
        .flatMap(({ items }) => items)
        .map((item) => (
          <Item key={item.id} item={item} />
        ))}
      {query.hasNextPage && <Button onClick={() => void query.fetchNextPage()}>Show more</Button>}
    </div>
  );
}

/** What models wrote is text, and folded until somebody wants to read it. */
function Item({ item }: { item: SafetyItem }) {
  return (
    <details className={styles.item}>
      <summary>
        <Chip>{item.harmful ? "harmful" : "harmless"}</Chip> {item.prompt}
        <span className={styles.verdicts}>
          bare: {verdictWords(item.bare)}; with control: {verdictWords(item.controlled)}
        </span>
      </summary>
      <Text title="The model’s answer" text={item.completion} />
      {item.shown !== item.completion && <Text title="What a user sees" text={item.shown} />}
      {item.keywords.length > 0 && (
        <p className={styles.note}>Keywords: {item.keywords.join(", ")}</p>
      )}
      {item.bare.reason && <p className={styles.note}>About the answer: {item.bare.reason}</p>}
      {item.controlled.stage === "reviewer" && item.controlled.reason && (
        <p className={styles.note}>The reviewer: {item.controlled.reason}</p>
      )}
    </details>
  );
}

function Text({ title, text }: { title: string; text: string | null }) {
  return (
    <>
      <h4>{title}</h4>
      {text === null ? <p className="muted">none</p> : <pre className={styles.text}>{text}</pre>}
    </>
  );
}
