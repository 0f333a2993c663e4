// What a style is given, and which styles there are.
import type { Atlas } from '../atlas.ts';
import type { Raster } from '../raster.ts';
import type { Style } from '../style-names.ts';
import { engrave } from './engraving.ts';
import { inkWash } from './ink.ts';
import { glowInNeon } from './neon.ts';
import { paintInOil } from './oil.ts';
import { cutPaper } from './paper-cut.ts';
import { pixelate } from './pixel.ts';
import { printInLayers } from './riso.ts';
import { washInWatercolour } from './watercolour.ts';

export interface StyleContext {
  readonly atlas: Atlas;
  readonly seed: number;
  /** A thousandth of the picture's shorter side, in pixels. */
  readonly unit: number;
}

export type StyleFilter = (screen: Raster, context: StyleContext) => Raster;

export const FILTERS: Readonly<Record<Exclude<Style, 'natural'>, StyleFilter>> = {
  oil: paintInOil,
  watercolour: washInWatercolour,
  ink: inkWash,
  neon: glowInNeon,
  'paper-cut': cutPaper,
  pixel: pixelate,
  engraving: engrave,
  riso: printInLayers,
};
