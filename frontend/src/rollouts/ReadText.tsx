import { useMemo, useRef } from "react";
import { asProblem } from "@/api/problem";
import { classes } from "@/ui/classes";
import type { Block } from "./blocks";
import { FindField } from "./FindField";
import { FoundText } from "./FoundText";
import { within } from "./find";
import { LongText } from "./LongText";
import { type Completion, useTokens } from "./queries";
import { TintBar } from "./TintBar";
import { shade, TintedText, tintClass } from "./TintedText";
import { levelOf, type PlacedTokens, placedTokens, TINTS, type Tint } from "./tokens";
import { useFinder } from "./useFinder";

interface ReadTextProps {
  completion: Completion;
  tint: Tint;
  onTint: (tint: Tint) => void;
}

/** The text of a completion, plain or with its tokens coloured: then it is as the model wrote it. */
export function ReadText({ completion, tint, onTint }: ReadTextProps) {
  const box = useRef<HTMLElement>(null);
  const byToken = tint !== "none" && tint !== "advantage";
  const query = useTokens(completion.id, byToken);
  const tokens = useMemo(
    () => (query.data ? placedTokens(completion.text, query.data) : null),
    [completion.text, query.data],
  );
  const finder = useFinder(completion.text);
  const isTinted = byToken && tokens?.told[tint];
  const render = (block: Block) => {
    const found = within(block, finder.places);
    const marks = { block, found, here: finder.here?.range };
    if (isTinted) return <TintedText {...marks} tokens={tokens} tint={tint} />;
    return found.length > 0 ? <FoundText {...marks} /> : null;
  };
  return (
    <>
      <TintBar
        tint={tint}
        onTint={onTint}
        text={box}
        tokens={isTinted ? tokens : null}
        problem={byToken ? problemOf(query.error, tokens, tint) : undefined}
      >
        <FindField finder={finder} />
      </TintBar>
      <LongText
        text={completion.text}
        label="What the model wrote"
        render={render}
        box={box}
        here={finder.here}
        className={classes(
          tintClass(tint),
          tint === "advantage" && shade(levelOf(tint, completion.advantage)),
        )}
      />
    </>
  );
}

function problemOf(
  error: unknown,
  tokens: PlacedTokens | null,
  tint: keyof PlacedTokens["told"],
): string | undefined {
  if (error) return asProblem(error).message;
  if (!tokens || tokens.told[tint]) return undefined;
  const name = TINTS.find(({ value }) => value === tint)?.label.toLowerCase();
  return `The journal does not tell the ${name} of these tokens.`;
}
