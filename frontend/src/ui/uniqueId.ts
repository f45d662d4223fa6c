/** Never the same twice; works on plain http, too, where crypto.randomUUID does not. */
export function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join(
    "-",
  );
}
