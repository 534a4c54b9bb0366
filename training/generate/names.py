"""People, written by hand; none of them is a name of Big-Bench-Hard's web of lies (overlap_check.py proves it).
SPDX-License-Identifier: Apache-2.0
"""
NAMES = """Aaron Abigail Adrian Agnes Ahmed Aisha Alan Albert Alice Amara Amir Amy Anders Andrea Angela Anita Anna Anton April Ari Arthur Ava Barbara Basil
Ben Benjamin Bianca Bjorn Boris Brandon Brenda Brian Bruno Caleb Cameron Carla Carmen Caroline Cecilia Celeste Chad Charlie Chloe Clara Claire Clement
Colin Connor Cora Cynthia Daisy Damian Dan Daniel Daphne David Dean Deborah Denis Diana Diego Dominic Donna Doris Dora Dylan Edith Edgar Elaine Elena Eli
Elias Elise Ella Ellen Elliot Elsie Emil Emily Emma Enzo Eric Erica Esme Esther Ethan Eva Evan Fatima Felix Fiona Flora Florence Frances Frank Freya Gabriel
Gemma George Gina Giles Gloria Grace Graham Greta Gustav Hamid Hannah Harold Harper Harry Hazel Hector Heidi Helen Henry Hilda Holly Hugo Ian Ida Igor
Imogen Ines Irene Iris Isaac Isabel Isla Ivan Ivy Jack Jacob Jane Janet Jared Jasmine Jason Jasper Jean Jenna Jeremy Jill Joan Joel John Jonas Joseph
Joshua Joyce Judith Julia Julian Julius June Kamal Karen Karim Karl Kate Kathleen Keith Kenji Kevin Kira Kurt Kyle Lara Larry Laura Lauren Leah Lena Leo
Leon Leonard Liam Lila Lily Linda Linus Lisa Logan Lola Louis Louise Lucas Lucia Lucy Luis Luna Lydia Mabel Madeleine Maeve Malcolm Marcel Marco Marcus
Margaret Maria Marina Mario Mark Marta Martin Mary Matilda Matteo Matthew Max Maya Megan Melissa Mia Mila Miles Miranda Miriam Molly Mona Monica Morgan
Musa Nadia Nadine Naomi Natalie Nathan Neil Nell Nicholas Nina Noah Noel Nora Norman Octavia Olga Oliver Olivia Omar Oscar Otto Owen Pablo Pamela Patrick
Paul Paula Pearl Pedro Penelope Percy Peter Petra Philip Piper Polly Priya Quentin Rachel Rafael Ralph Ramona Rebecca Regina Rita Robert Robin
Rohan Roland Rosa Rose Rowan Roxanne Ruby Rufus Rupert Russell Ruth Sabine Salma Sam Samuel Sandra Sanjay Sara Saul Sean Sebastian Selma Serena
Sergio Simon Sofia Sonia Sophie Stella Stephen Steven Stuart Susan Sven Sylvia Tabitha Tanya Tara Tariq Tessa Theo Theresa Thomas Tina Toby Tom Tobias
Ulrich Uma Ursula Valentina Vera Vernon Victor Victoria Vincent Viola Vivian Walter Wanda Wendy Wesley William Winston Xavier Yara Yasmin Yusuf Yvonne
Zara Zelda Zoe Zachary Bartholomew Cordelia Ezekiel Guinevere Ignatius Josephine Leopold Magdalena Marguerite Nathaniel Ophelia Persephone Rosalind
Thaddeus Wilhelmina Anastasia Clementine Evangeline Gwendolyn Mortimer Seraphina Theodora Valerian Winifred Delphine Lysander Odette Peregrine Quincy
Shanelle Tyrone Latoya Deshawn Keisha Lamont Monique Tremaine Yolanda Zuleika Alonzo Benita Carmelita Dolores Ernesto Graciela Hortensia Isidro Lupita""".split()
CITIES = """Amsterdam Athens Austin Barcelona Beijing Belfast Bergen Berlin Bogota Boston Bristol Brussels Budapest Cairo Calgary Chicago Copenhagen Dallas Delhi
Denver Dublin Edinburgh Florence Geneva Glasgow Hamburg Helsinki Houston Istanbul Jakarta Kyoto Lagos Lima Lisbon Liverpool London Madrid Manchester
Melbourne Miami Milan Montreal Moscow Mumbai Munich Nairobi Naples Oslo Ottawa Oxford Paris Perth Philadelphia Phoenix Portland Prague Riga Rome Salzburg
Santiago Seattle Seoul Shanghai Singapore Stockholm Sydney Tokyo Toronto Tunis Turin Vancouver Venice Vienna Warsaw Wellington York Zurich""".split()
