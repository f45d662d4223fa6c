import { X } from "lucide-react";
import { useState } from "react";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { FilterChip } from "@/ui/Chip";
import { Select } from "@/ui/Field";
import { AddRuns } from "./AddRuns";
import { CENTRES, type Centre, SPREADS, type Spread } from "./bands";
import styles from "./Controls.module.css";
import { GROUP_FACTS, labelOf } from "./fields";
import { useComparePage } from "./page";
import { ViewsMenu } from "./ViewsMenu";
import { conditionWords } from "./where";

const CENTRE_WORDS: Record<Centre, string> = { mean: "Mean", median: "Median" };
const SPREAD_WORDS: Record<Spread, string> = {
  std: "± standard deviation",
  se: "± standard error",
  minmax: "min to max",
  none: "no band",
};

/** What the page is about as a whole: which runs, in which colours and groups. */
export function Controls() {
  const { address, go, fields, runs, shown } = useComparePage();
  const [adding, setAdding] = useState(false);
  const paths = fields.differingPaths.toSorted();
  const facts = GROUP_FACTS.map((value) => ({ value, label: labelOf(value) }));
  const configs = paths.map((value) => ({ value, label: value }));
  const numbers = fields.comparison.series.map(({ name }) => ({ value: name, label: name }));
  return (
    <div className={styles.bar}>
      <span className={styles.count} role="status">
        {shown.length === runs.length
          ? `${runs.length} runs`
          : `${shown.length} of ${runs.length} runs shown`}
      </span>
      {!address.group && (
        <Labelled label="Colour by">
          <Select
            aria-label="Colour by"
            value={address.colour}
            options={[{ value: "", label: "run" }, ...facts, ...configs, ...numbers]}
            onChange={(colour) => go({ colour })}
          />
        </Labelled>
      )}
      <Labelled label="Group by">
        <Select
          aria-label="Group by"
          value={address.group}
          options={[{ value: "", label: "nothing" }, ...facts, ...configs]}
          onChange={(group) => go({ group })}
        />
      </Labelled>
      {address.group && (
        <>
          <Select
            aria-label="Middle of a group"
            value={address.centre}
            options={CENTRES.map((value) => ({ value, label: CENTRE_WORDS[value] }))}
            onChange={(centre) => go({ centre })}
          />
          <Select
            aria-label="Band around it"
            value={address.spread}
            options={SPREADS.map((value) => ({ value, label: SPREAD_WORDS[value] }))}
            onChange={(spread) => go({ spread })}
          />
        </>
      )}
      <span className={styles.actions}>
        <ButtonLink href="/cost">Cost against quality</ButtonLink>
        <Button onClick={() => setAdding(true)}>Add runs</Button>
        <ViewsMenu />
      </span>
      {address.where.length > 0 && (
        <span className={styles.chips}>
          {address.where.map((condition) => (
            <FilterChip
              key={condition.field}
              on
              onToggle={() => go({ where: address.where.filter((other) => other !== condition) })}
            >
              {conditionWords(condition)}
            </FilterChip>
          ))}
          <Button small kind="quiet" icon={<X size={12} />} onClick={() => go({ where: [] })}>
            Show all
          </Button>
        </span>
      )}
      {adding && <AddRuns onClose={() => setAdding(false)} />}
    </div>
  );
}

function Labelled({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <span className={styles.labelled}>
      <span className={styles.label} aria-hidden>
        {label}
      </span>
      {children}
    </span>
  );
}
