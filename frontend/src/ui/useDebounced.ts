import { useEffect, useState } from "react";

/** `value` once it has not changed for `ms` milliseconds; compared by content. */
export function useDebounced<Value>(value: Value, ms: number): Value {
  const [settled, setSettled] = useState(value);
  const content = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(content) as Value), ms);
    return () => clearTimeout(timer);
  }, [content, ms]);
  return settled;
}
