import { useMemo } from "react";
import { themeColor, useIsDark } from "@/app/theme";

const SERIES = 8;

/** The theme's colours as a canvas takes them. */
export interface ChartColours {
  text: string;
  faint: string;
  grid: string;
  surface: string;
  accent: string;
  alert: string;
  /** By the number of the token, from 1. */
  series: string[];
}

/** Read anew when the theme changes. */
export function useChartColours(): ChartColours {
  const dark = useIsDark();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens' values follow the theme
  return useMemo(readColours, [dark]);
}

function readColours(): ChartColours {
  return {
    text: themeColor("--text-2"),
    faint: themeColor("--text-3"),
    grid: themeColor("--hairline"),
    surface: themeColor("--surface"),
    accent: themeColor("--accent"),
    alert: themeColor("--lost"),
    series: Array.from({ length: SERIES + 1 }, (_, index) => themeColor(`--series-${index || 1}`)),
  };
}

/** "rgb(0, 114, 178)" with an opacity. */
export function faded(colour: string, opacity: number): string {
  return colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}
