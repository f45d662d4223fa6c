import { Plus } from "lucide-react";
import { useState } from "react";
import { useMe } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { CostLinks } from "./CostLinks";
import styles from "./ledger.module.css";
import { PriceDialog } from "./PriceDialog";
import { byDevice, inForce } from "./prices";
import { type Price, usePrices } from "./queries";

/** The price book with its history: for staff. */
export default function PricesPage() {
  usePageTitle("Prices", "Cost", "/cost");
  const me = useMe();
  if (!me.data) return <SkeletonLines lines={6} />;
  if (!me.data.is_staff) {
    return (
      <EmptyState
        title="Prices are for staff"
        action={<ButtonLink href="/cost">Cost against quality</ButtonLink>}
      >
        Only staff may see and change the price book. Ask whoever runs this installation.
      </EmptyState>
    );
  }
  return <PriceBook />;
}

function PriceBook() {
  const query = usePrices(true);
  const [adding, setAdding] = useState(false);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={6} />;
  return (
    <div className={styles.page}>
      <CostLinks />
      <section className={table.section}>
        <div className={styles.head}>
          <p className={styles.words}>
            What an hour of each device costs from a UTC day on. A row is never changed: a later one
            takes its place, and what was booked since its day is priced anew. Where there is none,
            the price of the node counts.
          </p>
          <Button icon={<Plus size={14} />} onClick={() => setAdding(true)}>
            Add a price
          </Button>
        </div>
        {query.data.length === 0 ? (
          <EmptyState title="No prices yet">Every device costs what its node says.</EmptyState>
        ) : (
          <PriceTable prices={query.data} />
        )}
        {query.hasNextPage && (
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show older ones
          </Button>
        )}
      </section>
      {adding && <PriceDialog onClose={() => setAdding(false)} />}
    </div>
  );
}

function PriceTable({ prices }: { prices: readonly Price[] }) {
  const today = new Date().toISOString().slice(0, 10);
  const holding = inForce(prices, today);
  return (
    <Table>
      <thead>
        <tr>
          <th>Device</th>
          <th className="number">An hour</th>
          <th>Tenure</th>
          <th>Valid from</th>
          <th>State</th>
          <th>Note</th>
          <th>Added by</th>
          <th>Added</th>
        </tr>
      </thead>
      <tbody>
        {byDevice(prices).map((price) => (
          <tr key={price.id} className={classes(!holding.has(price.id) && styles.past)}>
            <th scope="row">{price.device_model}</th>
            <td className="number">
              {formatNumber(Number(price.per_hour), 6)} {price.currency}
            </td>
            <td>{price.tenure}</td>
            <td>{price.valid_from}</td>
            <td>{stateOf(price, holding, today)}</td>
            <td className={table.prose}>{price.note}</td>
            <td>{price.added_by ?? "–"}</td>
            <td>
              <RelativeTime at={price.added_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function stateOf(price: Price, holding: ReadonlySet<number>, today: string): string {
  if (holding.has(price.id)) return "holds today";
  return price.valid_from > today ? "to come" : "before";
}
