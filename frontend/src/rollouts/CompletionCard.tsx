import { Maximize2 } from "lucide-react";
import { Fragment, memo, useMemo } from "react";
import { Link } from "wouter";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { BlockText } from "./BlockText";
import { type Block, blocksOf } from "./blocks";
import styles from "./CompletionCard.module.css";
import { CompletionFacts } from "./CompletionFacts";
import type { Completion } from "./queries";

/** Characters of a completion that a card shows whole. */
const WHOLE = 2400;
/** Characters of the beginning of a longer one; its last block has the answer. */
const BEGINNING = 500;

interface CompletionCardProps {
  completion: Completion;
  /** Where all of it is read. */
  href: string;
}

/** What a model wrote, what it earned for it, and how that compares within its group. */
export const CompletionCard = memo(function CompletionCard(props: CompletionCardProps) {
  const { completion, href } = props;
  return (
    <article
      className={classes(
        styles.completion,
        completion.advantage > 0 && styles.positive,
        completion.advantage < 0 && styles.negative,
      )}
    >
      <header className={styles.header}>
        <CompletionFacts completion={completion} />
        <Link
          href={href}
          className={styles.link}
          aria-label={`Read completion ${completion.index}`}
        >
          <Maximize2 size={12} aria-hidden />
        </Link>
      </header>
      <CardText text={completion.text} />
    </article>
  );
});

function CardText({ text }: { text: string }) {
  const blocks = useMemo(() => shortened(text), [text]);
  if (blocks.length === 0) return <p className={styles.nothing}>nothing</p>;
  const shown = blocks.reduce((sum, block) => sum + block.text.length, 0);
  return (
    <div className={styles.text}>
      {blocks.map((block, place) => (
        <Fragment key={block.from}>
          {text.length > WHOLE && place === 1 && (
            <p className={styles.skipped}>… {formatNumber(text.length - shown, 0)} characters …</p>
          )}
          <BlockText block={block} />
        </Fragment>
      ))}
    </div>
  );
}

/** All of it, or its beginning and its end. */
function shortened(text: string): Block[] {
  const blocks = blocksOf(text);
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (text.length <= WHOLE || !first || !last || first === last) return blocks;
  return [
    { ...first, text: first.text.slice(0, BEGINNING) },
    { ...last, text: last.text.slice(-BEGINNING) },
  ];
}
