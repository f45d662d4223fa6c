import { type ReactNode, useEffect, useState } from "react";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import styles from "./TintBar.module.css";
import { shade, tintClass } from "./TintedText";
import { LEVELS, type PlacedTokens, SCALES, TINTS, type Tint, wordsOfToken } from "./tokens";

interface TintBarProps {
  tint: Tint;
  onTint: (tint: Tint) => void;
  /** Where the tokens stand; null while they are not shown. */
  text: React.RefObject<HTMLElement | null>;
  tokens: PlacedTokens | null;
  /** Why there are no colours. */
  problem: string | undefined;
  /** What else stands in the bar. */
  children: ReactNode;
}

/** What the tokens are coloured by, the scale, and the numbers of the token one is at. */
export function TintBar({ tint, onTint, text, tokens, problem, children }: TintBarProps) {
  return (
    <div className={styles.bar}>
      <Select aria-label="Colour tokens by" value={tint} options={TINTS} onChange={onTint} />
      {problem ? (
        <span role="status" className={styles.problem}>
          {problem}
        </span>
      ) : (
        tint !== "none" && <Legend tint={tint} />
      )}
      {tokens && <Readout text={text} tokens={tokens} />}
      {children}
    </div>
  );
}

function Legend({ tint }: { tint: Exclude<Tint, "none"> }) {
  const { from, to, isSigned, unit, help } = SCALES[tint];
  const levels = Array.from({ length: LEVELS + 1 }, (_, level) => level);
  const shown = isSigned
    ? [
        ...levels
          .slice(1)
          .map((level) => -level)
          .reverse(),
        ...levels,
      ]
    : levels;
  return (
    <span className={styles.legend} title={help}>
      {formatNumber(isSigned ? -to : from)}
      <span className={classes(styles.swatches, tintClass(tint))} aria-hidden>
        {shown.map((level) => (
          <span key={level} className={shade(level)} />
        ))}
      </span>
      {formatNumber(to)} {unit}
    </span>
  );
}

/**
 * The token under the pointer or the focus; the arrow keys move along the tokens of the text that has
 * the focus. It listens by itself: a token that is pointed at draws nothing anew but this line.
 */
function Readout({ text, tokens }: { text: TintBarProps["text"]; tokens: PlacedTokens }) {
  const [at, setAt] = useState<{ index: number; text: string } | null>(null);
  useEffect(() => {
    const box = text.current;
    if (!box) return;
    const tell = ({ target }: Event) => {
      const token = (target as HTMLElement).dataset.token;
      if (token) setAt({ index: Number(token), text: (target as HTMLElement).textContent ?? "" });
    };
    const move = (event: KeyboardEvent) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const own = (event.target as HTMLElement).dataset.token;
      const next = own === undefined ? "[data-token]" : `[data-token="${Number(own) + by}"]`;
      const token = box.querySelector<HTMLElement>(next);
      if (!token) return;
      token.tabIndex = -1; // set now: it would weigh on each of thousands that are never walked to
      token.focus();
    };
    box.addEventListener("pointerover", tell);
    box.addEventListener("focusin", tell);
    box.addEventListener("keydown", move);
    return () => {
      box.removeEventListener("pointerover", tell);
      box.removeEventListener("focusin", tell);
      box.removeEventListener("keydown", move);
    };
  }, [text]);
  return (
    <span role="status" className={styles.readout}>
      {at ? (
        <>
          token {formatNumber(at.index, 0)} <bdi>«{at.text}»</bdi> {wordsOfToken(tokens, at.index)}
        </>
      ) : (
        "Point at a token, or walk along them with ← and → in the text"
      )}
    </span>
  );
}
