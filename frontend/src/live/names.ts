/** Names of series, some of them by how they begin: `system/*`. */
export class NameSet {
  private readonly exact = new Set<string>();
  private readonly beginnings: string[] = [];

  constructor(names: Iterable<string> = []) {
    this.add(names);
  }

  add(names: Iterable<string>): void {
    for (const name of names) {
      if (!name.endsWith("*")) this.exact.add(name);
      else if (!this.beginnings.includes(name.slice(0, -1)))
        this.beginnings.push(name.slice(0, -1));
    }
  }

  has(name: string): boolean {
    return this.exact.has(name) || this.beginnings.some((beginning) => name.startsWith(beginning));
  }

  isEmpty(): boolean {
    return this.exact.size + this.beginnings.length === 0;
  }

  list(): string[] {
    return [...this.exact, ...this.beginnings.map((beginning) => `${beginning}*`)];
  }
}
