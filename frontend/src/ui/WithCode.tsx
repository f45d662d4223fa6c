/** Plain text, but for what stands between backticks. */
export function WithCode({ text }: { text: string }) {
  return (
    text
      .split("`")
      // biome-ignore lint/suspicious/noArrayIndexKey: parts are their places
      .map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part))
  );
}
