import { formatAge, formatExact } from "./format";
import { useNow } from "./useNow";

/** «3m ago», with the exact time on hover. `at` is ISO 8601. */
export function RelativeTime({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span className="muted">–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={formatExact(date)}>
      {formatAge(date, now)}
    </time>
  );
}
