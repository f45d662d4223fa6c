import { usePageTitle } from "@/app/title";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { CostLinks } from "./CostLinks";
import styles from "./ledger.module.css";
import { Published } from "./Published";
import { useReference } from "./queries";
import { formatDollars } from "./sums";

/** What others have published of their cost, and what is only estimated of it. */
export default function ReferencePage() {
  usePageTitle("What others paid", "Cost", "/cost");
  return (
    <div className={styles.page}>
      <CostLinks />
      <Published />
      <PressEstimates />
    </div>
  );
}

function PressEstimates() {
  const { data } = useReference();
  if (!data) return null;
  return (
    <section className={table.section}>
      <h3>Estimates of the press</h3>
      <p className={styles.words}>
        Not accounts: who trained these models has published no figure. Each is an estimate.
      </p>
      <Table>
        <thead>
          <tr>
            <th>Model</th>
            <th className="number">Cost, estimated</th>
            <th>Source</th>
          </tr>
        </thead>
        <tbody>
          {data.press_estimates.map((row) => (
            <tr key={`${row.model} ${row.source}`}>
              <th scope="row">{row.model}</th>
              <td className="number">
                {row.at_least ? "more than " : "≈ "}
                {formatDollars(row.usd)}
              </td>
              <td className={table.prose}>{row.source}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}
