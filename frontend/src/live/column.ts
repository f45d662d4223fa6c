/** A growing array of numbers, kept in one typed array; plots read it without copying. */
export class Column {
  private data: Float64Array;
  private used = 0;

  constructor(values: ArrayLike<number> = []) {
    this.data = new Float64Array(Math.max(64, values.length));
    this.data.set(values);
    this.used = values.length;
  }

  get length(): number {
    return this.used;
  }

  /** Value at `index`; negative counts from the end. NaN where there is none. */
  at(index: number): number {
    const place = index < 0 ? this.used + index : index;
    return place < this.used ? (this.data[place] ?? Number.NaN) : Number.NaN;
  }

  push(value: number): void {
    if (this.used === this.data.length) {
      const larger = new Float64Array(this.used * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.used++] = value;
  }

  /** The values so far; valid until the column changes. */
  view(): Float64Array {
    return this.data.subarray(0, this.used);
  }

  /** Cuts off everything from `length` on and returns it. */
  cut(length: number): Float64Array {
    const rest = this.data.slice(length, this.used);
    this.used = Math.min(length, this.used);
    return rest;
  }
}
