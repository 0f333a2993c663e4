// Named styles: ways of asking that the operator keeps in a file, so that nobody has to know the words for them.
import { z } from 'zod';

const words = z.string().min(1).max(2_000);
const param = z.union([z.string().max(200), z.number(), z.boolean()]);

/** Where the person's own words come in. */
export const PLACE = '{prompt}';

/** Of one modality; what is left out is left as the person asked it. */
export const styleRecipe = z.strictObject({
  prompt: words
    .refine((text) => text.split(PLACE).length === 2, `must hold ${PLACE} once`)
    .optional(),
  negative_prompt: words.optional(),
  /** Holds where the person says nothing. */
  params: z.record(z.string().max(64), param).optional(),
});
export type StyleRecipe = Readonly<z.infer<typeof styleRecipe>>;

export const styleId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be small letters, digits and -');

export const namedStyle = z.strictObject({
  id: styleId,
  name: z.string().trim().min(1).max(60),
  description: z.string().trim().min(1).max(300).optional(),
  recipes: z
    .strictObject({
      image: styleRecipe.optional(),
      video: styleRecipe.optional(),
      text: styleRecipe.optional(),
      audio: styleRecipe.optional(),
    })
    .refine((recipes) => Object.keys(recipes).length > 0, 'must hold one recipe at least'),
});
export type NamedStyle = Readonly<z.infer<typeof namedStyle>>;

export const styleListView = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string().describe('For `style` of a request'),
      object: z.literal('style'),
      name: z.string(),
      description: z.string().nullable(),
      recipes: namedStyle.shape.recipes.describe(
        'By modality: what is made of the words, with `{prompt}` where they come in',
      ),
    }),
  ),
});
export type StyleListView = z.infer<typeof styleListView>;
