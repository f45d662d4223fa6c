/** Numbers and times as people read them; every number with its unit. */

const NOTHING = "–";

export function formatNumber(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || (size >= 1e9 && !Number.isSafeInteger(value)))) {
    const [mantissa = "", exponent = ""] = value.toExponential(2).split("e");
    return sign(`${trimZeros(mantissa)}e${exponent.replace("+", "")}`);
  }
  return sign(new Intl.NumberFormat("en", { maximumFractionDigits: digits }).format(value));
}

/** Always so many decimals, so that figures in a column stand under each other. */
export function formatFixed(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return formatNumber(value);
  return sign(value.toFixed(decimals));
}

/** 0.615 → "61.5 %". */
export function formatPercent(share: number | null | undefined, decimals = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share * 100)) return NOTHING;
  return `${sign((share * 100).toFixed(decimals))} %`;
}

/** 12345 → "12.3 k"; three significant figures. */
export function formatCompact(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return formatNumber(value);
  const size = Math.abs(value);
  if (size < 1e4) return sign(significant(value));
  for (const [unit, name] of COMPACT) {
    if (size >= unit) return `${sign(significant(value / unit))} ${name}`;
  }
  return sign(significant(value));
}

const COMPACT: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1536 → "1.5 KiB". */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NOTHING;
  const power = Math.min(BYTES.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${trimZeros((bytes / 1024 ** power).toFixed(power ? 1 : 0))} ${BYTES[power]}`;
}

/** Seconds → "42s", "2m 10s", "3h 05m", "2d 04h". */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days) return `${days}d ${pad(hours)}h`;
  if (hours) return `${hours}h ${pad(minutes)}m`;
  if (minutes) return `${minutes}m ${pad(whole % 60)}s`;
  return `${whole}s`;
}

/** US dollars: "$0.00", "$12.34". */
export function formatCost(dollars: number | null | undefined): string {
  return formatMoney(dollars, "USD");
}

/** An amount in a currency of ISO 4217; what is less than its hundredth part is "<€0.01". */
export function formatMoney(amount: number | null | undefined, currency: string): string {
  if (amount === null || amount === undefined || !Number.isFinite(amount)) return NOTHING;
  const { format } = new Intl.NumberFormat("en", { style: "currency", currency });
  return amount > 0 && amount < 0.01 ? `<${format(0.01)}` : format(amount);
}

/** Devices × hours: "<0.01", "0.03", "1,204.5". */
export function formatDeviceHours(hours: number): string {
  return hours > 0 && hours < 0.01 ? "<0.01" : formatNumber(hours, 2);
}

const AGES: [number, number, string][] = [
  [60, 1, "s"],
  [3600, 60, "m"],
  [86400, 3600, "h"],
  [30 * 86400, 86400, "d"],
];

/** "just now", "12s ago", "3h ago", "in 5m", then the date. */
export function formatAge(at: Date, now: Date): string {
  const seconds = (now.getTime() - at.getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  for (const [limit, unit, name] of AGES) {
    if (size < limit) {
      const amount = `${Math.floor(size / unit)}${name}`;
      return seconds >= 0 ? `${amount} ago` : `in ${amount}`;
    }
  }
  return new Intl.DateTimeFormat("en", { dateStyle: "medium" }).format(at);
}

/** The exact time, in the reader's zone and named so. */
export function formatExact(at: Date): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "long" }).format(at);
}

/** plural(1, "step") → "1 step"; plural(3, "step") → "3 steps". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count, 0)} ${count === 1 ? one : many}`;
}

function significant(value: number): string {
  const whole = Math.floor(Math.log10(Math.max(1, Math.abs(value)))) + 1;
  return trimZeros(value.toFixed(Math.max(0, 3 - whole)));
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A true minus sign, as wide as a plus. */
function sign(text: string): string {
  return text.replace(/^-/, "−").replace("e-", "e−");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
