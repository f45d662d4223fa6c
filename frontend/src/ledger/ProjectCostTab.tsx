import { Coins } from "lucide-react";
import { Link, useSearchParams } from "wouter";
import { ButtonLink } from "@/ui/ButtonLink";
import { formatDeviceHours, plural } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { Segmented } from "@/ui/Segmented";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { Bookings, Figures } from "./Bookings";
import { Budgets } from "./Budgets";
import styles from "./ledger.module.css";
import { useProjectLedger } from "./queries";
import { deviceMs, firstDay } from "./sums";
import { Totals } from "./Totals";

const SPANS = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "all", label: "All" },
] as const;

/** What a project's runs took over some days: together, by stage and phase, and by run. */
export function ProjectCostTab({ slug }: { slug: string }) {
  const [params, setParams] = useSearchParams();
  const days = SPANS.find(({ value }) => value === params.get("days"))?.value ?? "30";
  const since = days === "all" ? null : firstDay(Number(days), new Date());
  const query = useProjectLedger(slug, since);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={8} />;
  const { entries, totals, co2_g_per_kwh } = query.data;
  return (
    <>
      <div className={styles.head}>
        <Segmented
          label="Days"
          value={days}
          options={SPANS}
          onChange={(value) => setParams({ tab: "cost", days: value }, { replace: true })}
        />
        <span className="muted">{since ? `From ${since}, whole UTC days` : "From the first"}</span>
        <ButtonLink href={`/cost?project=${slug}`} icon={<Coins size={14} />}>
          Cost against quality
        </ButtonLink>
      </div>
      <Totals entries={entries} totals={totals} co2PerKwh={co2_g_per_kwh} />
      <Bookings entries={entries} totals={totals} />
      <RunSums ledger={query.data} />
      <Budgets scope={{ project: slug }} facts={null} href={`/projects/${slug}?tab=rules`} />
    </>
  );
}

type Ledger = NonNullable<ReturnType<typeof useProjectLedger>["data"]>;

function RunSums({ ledger }: { ledger: Ledger }) {
  const { runs, runs_left_out, totals } = ledger;
  if (runs.length === 0) return null;
  const all = deviceMs(totals);
  return (
    <section className={table.section}>
      <h3>By run, those with most time first</h3>
      <Table>
        <thead>
          <tr>
            <th>Run</th>
            <th className="number">Device-hours</th>
            <th className="number">Share</th>
            <th className="number">Cost</th>
            <th className="number">Energy</th>
            <th className="number">CO₂</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((sum) => (
            <tr key={`${sum.run} ${sum.currency}`}>
              <th scope="row">
                {sum.name === null ? (
                  <span className="muted">deleted #{sum.run}</span>
                ) : (
                  <>
                    <Link href={`/runs/${sum.run}?tab=cost`}>{sum.name}</Link>{" "}
                    <span className="muted">#{sum.run}</span>
                  </>
                )}
              </th>
              <td className="number">{formatDeviceHours(sum.device_hours)}</td>
              <Figures sum={sum} all={all} />
            </tr>
          ))}
        </tbody>
      </Table>
      {runs_left_out > 0 && (
        <p className={styles.words}>{plural(runs_left_out, "further sum")} are not listed.</p>
      )}
    </section>
  );
}
