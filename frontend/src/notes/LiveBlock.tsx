import { useMemo, useState } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { type Address, queryOf } from "@/compare/address";
import { chartFor } from "@/compare/ChartsTab";
import { CompareChart } from "@/compare/CompareChart";
import { CompareProvider } from "@/compare/CompareProvider";
import { DiffTab } from "@/compare/DiffTab";
import { runLabel, useComparePage } from "@/compare/page";
import { PlotGroupProvider, usePlotGroup } from "@/compare/plotGroup";
import { Swatch } from "@/compare/RunLegend";
import { SummaryTab } from "@/compare/SummaryTab";
import { ButtonLink } from "@/ui/ButtonLink";
import { plural } from "@/ui/format";
import { SkeletonLines } from "@/ui/Skeleton";
import { type Block, type BlockKind, parseBlock } from "./block";
import styles from "./LiveBlock.module.css";

interface LiveBlockProps {
  kind: BlockKind;
  text: string;
}

/** What a fenced block stands for, alive: runs under way go on in it. */
export function LiveBlock({ kind, text }: LiveBlockProps) {
  const block = useMemo(() => parseBlock(text), [text]);
  if (!block) {
    return (
      <p className={styles.problem}>
        This {kind} names no runs: write a line such as <code>runs=12,15-20</code>.
      </p>
    );
  }
  return <Shown key={text} kind={kind} block={block} />;
}

function Shown({ kind, block }: { kind: BlockKind; block: Block }) {
  const [address, setAddress] = useState(block.address);
  const go = useMemo(
    () => (change: Partial<Address>) => setAddress((before) => ({ ...before, ...change })),
    [],
  );
  return (
    <CompareProvider
      address={address}
      go={go}
      waiting={<SkeletonLines lines={6} />}
      nothing={<p className={styles.problem}>These runs are not there, or not for you.</p>}
    >
      <figure className={styles.block}>
        <Content kind={kind} series={block.series} />
        <Caption />
      </figure>
    </CompareProvider>
  );
}

function Content({ kind, series }: { kind: BlockKind; series: readonly string[] }) {
  const { address } = useComparePage();
  if (kind === "compare" && address.tab === "summary") return <SummaryTab />;
  if (kind === "compare" && address.tab === "config") return <DiffTab />;
  return <Charts series={series} />;
}

function Charts({ series }: { series: readonly string[] }) {
  const { address, fields } = useComparePage();
  const group = usePlotGroup(address.axis);
  const known = fields.comparison.series.map(({ name }) => name);
  const drawn = series.filter((name) => known.includes(name));
  if (drawn.length === 0) {
    return (
      <p className={styles.problem}>None of these runs has a series {series.join(", ")} yet.</p>
    );
  }
  return (
    <PlotGroupProvider value={group}>
      <div className={drawn.length > 1 ? styles.charts : undefined}>
        {drawn.map((name) => (
          <ChartCard key={name} spec={chartFor(name)} Body={CompareChart} />
        ))}
      </div>
    </PlotGroupProvider>
  );
}

/** Runs that there is room for. */
const MOST_NAMED = 12;

function Caption() {
  const { address, runs, shown, looks, groups, highlight } = useComparePage();
  const named = groups
    ? groups.map(({ label, look }) => ({ label, look }))
    : runs
        .filter((run) => shown.includes(run.id))
        .map((run) => ({ label: runLabel(run), look: looks.of(run.id) }));
  return (
    <figcaption className={styles.caption}>
      {named.slice(0, MOST_NAMED).map(({ label, look }) => (
        <span
          key={label}
          className={styles.entry}
          onPointerEnter={() => highlight.set(label)}
          onPointerLeave={() => highlight.set(null)}
        >
          <Swatch look={look} />
          {label}
        </span>
      ))}
      {named.length > MOST_NAMED && (
        <span>and {plural(named.length - MOST_NAMED, "more", "more")}</span>
      )}
      <ButtonLink small kind="quiet" href={`/compare?${queryOf(address)}`}>
        Open the comparison
      </ButtonLink>
    </figcaption>
  );
}
