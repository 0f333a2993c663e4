// Who takes money for us: settings of the providers. None of them is needed; what is not set is not offered.
import { z } from 'zod';

export const paymentSettings = {
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^(sk|rk)_(test|live)_\w+$/, "must be a secret key of Stripe's, such as sk_test_...")
    .optional(),
  STRIPE_WEBHOOK_SECRETS: z
    .string()
    .transform((text) => text.split(',').map((each) => each.trim()))
    .refine(
      (all) => all.length <= 2 && all.every((each) => /^whsec_\S+$/.test(each)),
      "must be the secret of Stripe's endpoint (whsec_...); two with a comma while one replaces the other",
    )
    .default([]),
};

type Data = z.infer<z.ZodObject<typeof paymentSettings>>;

export interface PaymentsConfig {
  readonly stripe: {
    readonly secretKey: string;
    readonly webhookSecrets: readonly string[];
  } | null;
}

export const paymentsConfig = (data: Data): PaymentsConfig => ({
  stripe:
    data.STRIPE_SECRET_KEY === undefined
      ? null
      : { secretKey: data.STRIPE_SECRET_KEY, webhookSecrets: data.STRIPE_WEBHOOK_SECRETS },
});

/** Half a setting would take money and not notice. */
export const paymentsLack = (data: Data): string[] =>
  data.STRIPE_SECRET_KEY !== undefined && data.STRIPE_WEBHOOK_SECRETS.length === 0
    ? ['STRIPE_WEBHOOK_SECRETS must be set, too: without it nothing that Stripe says is believed.']
    : [];
