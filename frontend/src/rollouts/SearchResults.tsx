import { useEffect, useState } from "react";
import { Link } from "wouter";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { formatFixed, formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { Progress } from "@/ui/Progress";
import { type Choice, type Hit, useSearch } from "./queries";
import styles from "./SearchResults.module.css";

const AT_ONCE = 20;

interface SearchResultsProps extends Pick<TabProps, "run" | "address"> {
  choice: Choice;
}

/** Where the words stand, the newest first; it looks on by itself until there is a page of them. */
export function SearchResults({ run, address, choice }: SearchResultsProps) {
  const [wanted, setWanted] = useState(AT_ONCE);
  const query = useSearch(run.id, { ...choice, q: address.q, mode: address.mode });
  const pages = query.data?.pages ?? [];
  const hits = pages.flatMap((page) => page.items);
  const { searched = 0, total = 0 } = pages.at(-1) ?? {};
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const goesOn = hasNextPage && hits.length < wanted;
  const read = pages.length; // a page may come before anybody saw that it was fetched
  useEffect(() => {
    if (read > 0 && goesOn && !isFetching && !isError) void fetchNextPage();
  }, [read, goesOn, isFetching, isError, fetchNextPage]);
  if (isError) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <div className={styles.progress}>
        <Progress value={searched} max={Math.max(1, total)} label="Looked through" />
        <span role="status">
          Looked through {formatNumber(searched, 0)} of {formatNumber(total, 0)},{" "}
          {formatNumber(hits.length, 0)} found
        </span>
        {goesOn && (
          <Button small onClick={() => setWanted(0)}>
            Stop
          </Button>
        )}
        {hasNextPage && !goesOn && (
          <Button small onClick={() => setWanted(hits.length + AT_ONCE)}>
            Look on
          </Button>
        )}
      </div>
      {hits.length === 0 && !hasNextPage && !isFetching && (
        <EmptyState title="Nothing found">
          Other words, another way to search, or fewer conditions may find something.
        </EmptyState>
      )}
      <ol className={styles.hits}>
        {hits.map((hit) => (
          <li key={`${hit.completion.id} ${hit.field}`}>
            <HitLine
              hit={hit}
              href={linkTo(run.id, {
                ...address,
                group: hit.completion.group_id,
                completion: hit.completion.index,
              })}
            />
          </li>
        ))}
      </ol>
    </>
  );
}

function HitLine({ hit, href }: { hit: Hit; href: string }) {
  const { completion, excerpt, field, start, end } = hit;
  const letters = Array.from(excerpt); // counted as the server counts them
  const part = (from: number, to?: number) => letters.slice(from, to).join("");
  return (
    <article className={styles.hit}>
      <header className={styles.head}>
        <Link href={href}>
          step {completion.step} · group {completion.group} · #{completion.index}
        </Link>
        <span>reward {formatFixed(completion.reward, 2)}</span>
        {field !== "completion" && <span>in the {field}</span>}
      </header>
      <p dir="auto" className={styles.excerpt}>
        {part(0, start)}
        <mark className={styles.mark}>{part(start, end)}</mark>
        {part(end)}
      </p>
    </article>
  );
}
