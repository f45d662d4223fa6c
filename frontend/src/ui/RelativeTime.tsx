import { useExactTimes } from "./exactTimes";
import { formatAge, formatExact } from "./format";
import { useNow } from "./useNow";

/** «3m ago», with the exact time on hover, or the exact time where the reader wants that. */
export function RelativeTime({ at }: { at: string | null | undefined }) {
  const now = useNow();
  const exact = useExactTimes();
  if (!at) return <span className="muted">–</span>;
  const date = new Date(at); // ISO 8601
  return (
    <time dateTime={at} title={formatExact(date)}>
      {exact ? formatExact(date) : formatAge(date, now)}
    </time>
  );
}
