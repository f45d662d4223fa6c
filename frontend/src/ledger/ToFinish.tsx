import { KIND_WORDS } from "@/stages/kinds";
import { formatDuration, plural } from "@/ui/format";
import { SkeletonLines } from "@/ui/Skeleton";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";
import { type Forecast, useForecast } from "./queries";
import { Ranges } from "./Ranges";

type StageForecast = NonNullable<Forecast["stages"]>[number];

/** What the steps that are left take, with what each part of it rests on. */
export function ToFinish({ runId }: { runId: number }) {
  const { data } = useForecast(runId);
  if (!data) return <SkeletonLines lines={3} />;
  const { seconds, device_hours: hours, micros, currency, stages = [], assumptions = [] } = data;
  const [only] = stages;
  const several = stages.length > 1;
  return (
    <section className={table.section}>
      <h3>To finish</h3>
      {seconds && hours && micros && currency ? (
        <>
          <p className={styles.words}>The {plural(data.steps, "step")} that are left take:</p>
          <Ranges
            seconds={seconds}
            hours={hours}
            micros={micros}
            currency={currency}
            assumptions={only && !several ? [only.why, ...assumptions] : assumptions}
          />
          {several && <ByStage stages={stages} />}
        </>
      ) : (
        <p className={styles.words}>{data.reason}</p>
      )}
    </section>
  );
}

function ByStage({ stages }: { stages: readonly StageForecast[] }) {
  return (
    <ul className={styles.parts} aria-label="Stage by stage">
      {stages.map(({ stage, kind, steps, basis, seconds: { low, mid, high }, why }) => (
        <li key={stage}>
          <span>
            {stage}
            <span className={styles.note}>
              {KIND_WORDS[kind]}, {plural(steps, "step")}
            </span>
          </span>
          <span>
            {basis === "guess" && "about "}
            {formatDuration(mid)}
            <span className={styles.note}>
              {formatDuration(low)} to {formatDuration(high)}
            </span>
          </span>
          <p>{why}</p>
        </li>
      ))}
    </ul>
  );
}
