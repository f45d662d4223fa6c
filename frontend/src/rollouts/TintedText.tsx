import { memo } from "react";
import type { Block } from "./blocks";
import styles from "./TintedText.module.css";
import { levelOf, type PlacedTokens, piecesOfBlock, type Tint, type TokenTint } from "./tokens";

interface TintedTextProps {
  block: Block;
  tokens: PlacedTokens;
  tint: TokenTint;
}

/** A block's tokens, each on the shade of its number. */
export const TintedText = memo(function TintedText({ block, tokens, tint }: TintedTextProps) {
  const values = tokens.told[tint];
  return piecesOfBlock(block, tokens).map(({ index, text }) => (
    <span key={index} data-token={index} className={shade(levelOf(tint, values?.[index]))}>
      {text}
    </span>
  ));
});

/** The class that colours a level from −8 to 8. */
export function shade(level: number): string | undefined {
  if (level === 0) return styles.token;
  return `${styles.token} ${styles[`${level > 0 ? "up" : "down"}${Math.abs(level)}`]}`;
}

/** The class around what is coloured, which gives the shades their colours. */
export function tintClass(tint: Tint): string | undefined {
  return tint === "none" ? undefined : styles[tint];
}
