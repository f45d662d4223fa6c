import { type ComponentType, memo, useId, useRef } from "react";
import { classes } from "@/ui/classes";
import { ChartBody, type ChartBodyProps, plotHeight } from "./ChartBody";
import styles from "./ChartCard.module.css";
import type { ChartSpec } from "./catalogue";
import { useVisible } from "./useVisible";

/** Title and reading above a plot. */
const HEAD_PX = 60;

interface ChartCardProps {
  spec: ChartSpec;
  /** Takes the whole width. */
  wide?: boolean;
  /** What is inside of it while it can be seen. */
  Body?: ComponentType<ChartBodyProps>;
}

/**
 * A chart with its title, a line that reads it, its values, and its numbers as a table.
 *
 * Out of sight it is a title in a box as high as the chart: it is neither drawn nor told of changes.
 */
export const ChartCard = memo(function ChartCard({
  spec,
  wide = false,
  Body = ChartBody,
}: ChartCardProps) {
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
        <Body spec={spec} wide={wide} heading={heading} />
      ) : (
        <header className={styles.header}>
          <h3 id={heading}>{spec.title}</h3>
        </header>
      )}
    </section>
  );
});
