import { memo, useId, useRef } from "react";
import { classes } from "@/ui/classes";
import { ChartBody, plotHeight } from "./ChartBody";
import styles from "./ChartCard.module.css";
import type { ChartSpec } from "./catalogue";
import { useVisible } from "./useVisible";

/** Title and reading above a plot. */
const HEAD_PX = 60;

interface ChartCardProps {
  spec: ChartSpec;
  /** Takes the whole width. */
  wide?: boolean;
}

/**
 * A chart with its title, a line that reads it, its values, and its numbers as a table.
 *
 * Out of sight it is a title in a box as high as the chart: it is neither drawn nor told of changes.
 */
export const ChartCard = memo(function ChartCard({ spec, wide = false }: ChartCardProps) {
  const card = useRef<HTMLElement>(null);
  const { visible, height } = useVisible(card);
  const heading = useId();
  return (
    <section
      ref={card}
      aria-labelledby={heading}
      className={classes("panel", styles.card, wide && styles.wide)}
      style={visible ? undefined : { minHeight: height ?? plotHeight(wide) + HEAD_PX }}
    >
      {visible ? (
        <ChartBody spec={spec} wide={wide} heading={heading} />
      ) : (
        <header className={styles.header}>
          <h3 id={heading}>{spec.title}</h3>
        </header>
      )}
    </section>
  );
});
