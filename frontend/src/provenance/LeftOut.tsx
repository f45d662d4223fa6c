import { formatNumber } from "@/ui/format";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./Provenance.module.css";
import type { Provenance } from "./queries";

type Found = Provenance["decontamination"][number];

/** What was not trained on as an evaluation has the like, by stage. */
export function LeftOut({ found }: { found: readonly Found[] }) {
  return (
    <section className={styles.section} aria-label="Decontamination">
      <h3>Decontamination</h3>
      {found.length === 0 && (
        <p className="muted">
          Not looked for: <code>evaluation.decontaminate</code> is not set.
        </p>
      )}
      {found.map((each) => (
        <OfStage key={each.stage} {...each} named={found.length > 1} />
      ))}
    </section>
  );
}

function OfStage({ stage, found, named }: Found & { named: boolean }) {
  const { ngram, problems, left_out, examples = [] } = found;
  return (
    <>
      <p>
        {named && `${stage}: `}
        {formatNumber(left_out, 0)} of {formatNumber(problems, 0)} training problems have {ngram}{" "}
        words in a row in common with an evaluation’s and are left out.
        {left_out > examples.length && ` The first ${examples.length}:`}
      </p>
      {examples.length > 0 && (
        <Table>
          <thead>
            <tr>
              <th>Training problem</th>
              <th>Evaluation problem</th>
              <th>Words of both</th>
            </tr>
          </thead>
          <tbody>
            {examples.map(({ problem, like, words }) => (
              <tr key={problem}>
                <td>{problem}</td>
                <td>{like}</td>
                <td className={table.prose}>{words}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </>
  );
}
