// What the files are for that come with a picture to be changed. Offers name them, so they stand apart from what
// reads them.

/** Of pictures, in the order in which they come to stand side by side. */
export const PICTURE_ROLES = ['image', 'second_image', 'third_image', 'fourth_image'] as const;
export const MASK_ROLE = 'mask';
