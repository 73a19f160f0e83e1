package domain

import "vestibule.dev/pkg/profileimage"

// UserProfileImages is the folder of the pictures of users.
const UserProfileImages = "user-profile-images"

// Image is an uploaded image.
type Image = profileimage.Image
