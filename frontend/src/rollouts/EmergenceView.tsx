import { useMemo, useState } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { ChartGroupProvider } from "@/charts/group";
import { SeriesTable } from "@/live/series";
import type { TabProps } from "@/run/RunPage";
import { useCharts } from "@/run/useCharts";
import { Button } from "@/ui/Button";
import { TextInput } from "@/ui/Field";
import { plural } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./EmergenceView.module.css";
import {
  difficultyChart,
  difficultySeries,
  EMERGENCE_CHARTS,
  seriesOf,
  wordList,
} from "./emergence";
import { PromptTable } from "./PromptTable";
import { type ByDifficulty, useDifficulty, useEmergence } from "./queries";

/** With one level the chart would say what «Solved» says. */
const FEWEST_LEVELS = 2;
const NO_LEVELS: ByDifficulty["difficulties"] = [];

/** How what the model writes changes over the run. */
export function EmergenceView(props: TabProps) {
  const { run, address, go } = props;
  const words = useMemo(() => wordList(address.words), [address.words]);
  const query = useEmergence(run.id, words);
  const byDifficulty = useDifficulty(run.id).data;
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} height={160} />;
  if (query.data.steps.length === 0)
    return <EmptyState title="No rollouts yet">They appear with the first step.</EmptyState>;
  const snapshots = [
    ...seriesOf(query.data),
    ...(byDifficulty ? difficultySeries(byDifficulty) : []),
  ];
  const levels = byDifficulty?.difficulties ?? NO_LEVELS;
  return (
    <section aria-label="Emergence" className={styles.page}>
      <WordsField
        key={address.words}
        words={address.words}
        counted={words.length > 0 ? query.data.counted : null}
        onWords={(words) => go({ words })}
      />
      <Charts
        {...props}
        key={JSON.stringify([words, levels])}
        table={SeriesTable.from(snapshots)}
        levels={levels}
      />
      <PromptTable run={run} address={address} go={go} />
    </section>
  );
}

interface ChartsProps extends TabProps {
  table: SeriesTable;
  levels: ByDifficulty["difficulties"];
}

function Charts({ table, levels, ...props }: ChartsProps) {
  const [first] = useState(table); // what charts draw is one object as long as they live
  const store = useMemo(() => ({ series: first, need: () => undefined }), [first]);
  const charts = useCharts({ ...props, store, version: 0 }, "step");
  const byDifficulty = useMemo(() => difficultyChart(levels), [levels]);
  return (
    <ChartGroupProvider value={charts}>
      <div className={styles.charts}>
        {EMERGENCE_CHARTS.map((spec) => (
          <ChartCard key={spec.id} spec={spec} />
        ))}
        {levels.length >= FEWEST_LEVELS && <ChartCard spec={byDifficulty} wide />}
      </div>
    </ChartGroupProvider>
  );
}

interface WordsFieldProps {
  words: string;
  /** Completions in which own words were counted; null for the usual ones, counted in all. */
  counted: number | null;
  onWords: (words: string) => void;
}

function WordsField({ words, counted, onWords }: WordsFieldProps) {
  const [typed, setTyped] = useState(words);
  return (
    <form
      className={styles.words}
      onSubmit={(event) => {
        event.preventDefault();
        onWords(typed.trim());
      }}
    >
      <TextInput
        aria-label="Reflective words"
        placeholder="wait, mistake, however, but, retry, error, verify, wrong, evaluate, check"
        maxLength={1000}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
      />
      <Button type="submit">Count these words</Button>
      {counted !== null && <span role="status">counted in {plural(counted, "completion")}</span>}
    </form>
  );
}
