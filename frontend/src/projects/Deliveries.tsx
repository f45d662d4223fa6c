import { CircleCheck, CircleDashed, CircleX, type LucideIcon } from "lucide-react";
import { Link, useSearchParams } from "wouter";
import type { Delivery } from "@/api/queries";
import { Button } from "@/ui/Button";
import { FilterChip } from "@/ui/Chip";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ProjectPage.module.css";
import { type DeliveryStatus, useDeliveries } from "./queries";

const ICONS: Record<DeliveryStatus, LucideIcon> = {
  pending: CircleDashed,
  sent: CircleCheck,
  failed: CircleX,
};
const STATUSES = Object.keys(ICONS) as DeliveryStatus[];

/** The log of what was sent, newest first. */
export function Deliveries({ slug }: { slug: string }) {
  const [params, setParams] = useSearchParams();
  const status = STATUSES.find((each) => each === params.get("deliveries")) ?? null;
  const toggle = (each: DeliveryStatus) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (status === each) next.delete("deliveries");
        else next.set("deliveries", each);
        return next;
      },
      { replace: true },
    );
  const query = useDeliveries(slug, status);
  return (
    <section className={table.section}>
      <div className={styles.head}>
        <h3>Deliveries</h3>
        <fieldset className={styles.chips}>
          <legend className="visually-hidden">Status</legend>
          {STATUSES.map((each) => (
            <FilterChip key={each} on={status === each} onToggle={() => toggle(each)}>
              {each}
            </FilterChip>
          ))}
        </fieldset>
      </div>
      {query.error && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.data ? <Log deliveries={query.data} /> : !query.error && <SkeletonLines lines={4} />}
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </section>
  );
}

function Log({ deliveries }: { deliveries: readonly Delivery[] }) {
  if (deliveries.length === 0) return <p className="muted">Nothing was sent.</p>;
  return (
    <Table>
      <thead>
        <tr>
          <th>Status</th>
          <th>When</th>
          <th>What</th>
          <th>Target</th>
          <th className="number">Tries</th>
          <th>Next try</th>
          <th>What went wrong</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} />
        ))}
      </tbody>
    </Table>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const Icon = ICONS[delivery.status];
  return (
    <tr>
      <td>
        <span className={classes(styles.status, styles[delivery.status])}>
          <Icon size={14} aria-hidden />
          {delivery.status}
        </span>
      </td>
      <td>
        <RelativeTime at={delivery.created_at} />
      </td>
      <td>
        <What delivery={delivery} />
      </td>
      <td>{delivery.target_name}</td>
      <td className="number">{formatNumber(delivery.tries, 0)}</td>
      <td>{delivery.due_at && delivery.tries > 0 ? <RelativeTime at={delivery.due_at} /> : "–"}</td>
      <td className={table.prose}>{delivery.error || "–"}</td>
    </tr>
  );
}

function What({ delivery }: { delivery: Delivery }) {
  if (delivery.alert === null) return "Test";
  if (delivery.run === null) return delivery.rule_name;
  return (
    <>
      {delivery.rule_name},{" "}
      <Link href={`/runs/${delivery.run}?tab=alerts`}>
        {delivery.run_name} <span className="muted">#{delivery.run}</span>
      </Link>
    </>
  );
}
