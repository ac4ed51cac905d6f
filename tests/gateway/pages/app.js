export const greeting = "包裹";
